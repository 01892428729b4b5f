// Series as Grafana's data frames, with the field config of a panel's JSON: defaults, then overrides.
import {
  ConfigOverrideRule, createDataFrame, DataFrame, Field, FieldConfig, FieldConfigSource, FieldType, fieldMatchers,
  getDisplayProcessor, getFieldDisplayName, GrafanaTheme2, NumericRange, reduceField,
} from '@grafana/data';

export interface Series {
  refId: string;
  name: string;
  times: number[];
  values: Array<number | null>;
}

export function frames(series: Series[], config: FieldConfigSource, theme: GrafanaTheme2): DataFrame[] {
  const made = series.map((one) =>
    createDataFrame({
      refId: one.refId,
      name: one.name,
      fields: [
        { name: 'Time', type: FieldType.time, values: one.times, config: {} },
        { name: 'Value', type: FieldType.number, values: one.values, config: { displayNameFromDS: one.name } },
      ],
    })
  );
  made.forEach((frame, number) => {
    const field = frame.fields[1];
    field.config = resolved(field, frame, made, config);
    field.state = { seriesIndex: number, displayName: null, range: range(field) };
    field.state.displayName = getFieldDisplayName(field, frame, made);
    field.display = getDisplayProcessor({ field, theme, timeZone: 'utc' });
    frame.fields[0].display = getDisplayProcessor({ field: frame.fields[0], theme, timeZone: 'utc' });
  });
  return made;
}

// Colours by threshold are spread over it.
function range(field: Field): NumericRange {
  const { min, max } = reduceField({ field, reducers: ['min', 'max'] });
  const [least, most] = [field.config.min ?? min, field.config.max ?? max];
  return { min: least, max: most, delta: most - least };
}

function resolved(field: Field, frame: DataFrame, all: DataFrame[], source: FieldConfigSource): FieldConfig {
  const config: FieldConfig = structuredClone({ ...source.defaults, ...field.config });
  config.custom ??= {};
  for (const rule of source.overrides ?? []) {
    if (matches(rule, field, frame, all)) {
      for (const { id, value } of rule.properties) {
        set(config as Record<string, unknown>, id, value);
      }
    }
  }
  return config;
}

function matches(rule: ConfigOverrideRule, field: Field, frame: DataFrame, all: DataFrame[]): boolean {
  return fieldMatchers.get(rule.matcher.id).get(rule.matcher.options)(field, frame, all);
}

function set(target: Record<string, any>, path: string, value: unknown) {
  const steps = path.split('.');
  const last = steps.pop()!;
  for (const step of steps) {
    target = target[step] ??= {};
  }
  target[last] = value;
}

// Series that have anything to draw.
export function drawable(all: DataFrame[]): number {
  return all.filter((frame) => frame.fields[1].values.some((value: unknown) => Number.isFinite(value))).length;
}
