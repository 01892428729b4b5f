// One panel of each type that our dashboards have, drawn with what @grafana/ui exports.
import React, { useLayoutEffect } from 'react';
import {
  DataFrame, EventBusSrv, getDisplayValueAlignmentFactors, getFieldDisplayValues, FieldDisplay,
  VizOrientation,
} from '@grafana/data';
import {
  BigValue, PanelContextProvider, TimeSeries, UPlotConfigBuilder, useTheme2, VizRepeater,
} from '@grafana/ui';
import { Drawn } from './drawn';
import { drawable, frames } from './fields';
import { Mark, drawMarks } from './marks';
import { Timeline } from './timeline';

const CONTEXT: any = { eventsScope: 'global', eventBus: new EventBusSrv() };

export function Body(drawn: Drawn) {
  const theme = useTheme2();
  const data = frames(drawn.series, drawn.panel.fieldConfig, theme);
  const Kind = KINDS[drawn.panel.type];
  if (!Kind) {
    return <div data-drawn="0">This renderer draws no panel of type {drawn.panel.type}.</div>;
  }
  if (!drawable(data)) {
    return <div data-drawn="0" style={{ display: 'grid', placeItems: 'center', height: '100%' }}>No data</div>;
  }
  return (
    <div data-drawn={drawable(data)} style={{ width: drawn.width, height: drawn.height }}>
      <Kind {...drawn} data={data} />
    </div>
  );
}

type Kind = React.ComponentType<Drawn & { data: DataFrame[] }>;

function Lines({ data, panel, range, marks, width, height }: Drawn & { data: DataFrame[] }) {
  return (
    <PanelContextProvider value={CONTEXT}>
      <TimeSeries
        frames={data} structureRev={1} width={width} height={height} timeRange={range} timeZone="utc"
        legend={{ calcs: [], ...panel.options.legend }}
      >
        {(config: UPlotConfigBuilder) => <Marks config={config} marks={marks} />}
      </TimeSeries>
    </PanelContextProvider>
  );
}

function Marks({ config, marks }: { config: UPlotConfigBuilder; marks: Mark[] }) {
  useLayoutEffect(() => {
    config.addHook('draw', (plot: any) => drawMarks(plot, marks));
  }, [config]);
  return null;
}

function Numbers({ data, panel, width, height }: Drawn & { data: DataFrame[] }) {
  const theme = useTheme2();
  const { options, fieldConfig } = panel;
  const values = () =>
    getFieldDisplayValues({
      data, fieldConfig, theme, reduceOptions: options.reduceOptions, replaceVariables: (text) => text, timeZone: 'utc',
      sparkline: options.graphMode !== 'none',
    });
  return (
    <VizRepeater
      source={data} width={width} height={height} getValues={values} itemSpacing={3} renderCounter={0} autoGrid={true}
      orientation={options.orientation || VizOrientation.Auto} getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width: w, height: h, alignmentFactors, count }: any) => (
        <BigValue
          value={(value as FieldDisplay).display} count={count} width={w} height={h} theme={theme}
          sparkline={value.sparkline} alignmentFactors={alignmentFactors} colorMode={options.colorMode}
          graphMode={options.graphMode} justifyMode={options.justifyMode || 'auto'} textMode={options.textMode} text={options.text}
        />
      )}
    />
  );
}

const KINDS: Record<string, Kind> = { timeseries: Lines, stat: Numbers, 'state-timeline': Timeline };
