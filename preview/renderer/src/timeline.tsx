// A state timeline. @grafana/ui exports none: rows, spans and axis are ours; states, colours and words Grafana's.
import React from 'react';
import { DataFrame, dateTimeFormat, Field } from '@grafana/data';
import { measureText, useTheme2, VizLayout, VizLegend } from '@grafana/ui';
import { Drawn } from './drawn';

const AXIS = 22;
const FONT = 12;

export function Timeline(drawn: Drawn & { data: DataFrame[] }) {
  const { width, height } = drawn;
  const spans = drawn.data.map((frame) => merged(frame));
  const legend = (
    <VizLayout.Legend placement="bottom">
      <VizLegend placement="bottom" displayMode={'list' as any} items={states(spans.flat())} />
    </VizLayout.Legend>
  );
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(wide: number, high: number) => <Rows {...drawn} spans={spans} width={wide} height={high} />}
    </VizLayout>
  );
}

function Rows({ data, range, marks, spans, width, height }: Drawn & { data: DataFrame[]; spans: Span[][] }) {
  const theme = useTheme2();
  const names = data.map((frame) => frame.fields[1].state!.displayName!);
  const left = Math.max(...names.map((name) => measureText(name, FONT).width)) + 12;
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const x = (at: number) => left + (Math.min(Math.max((at - from) / (to - from), 0), 1) * (width - left - 8));
  const bottom = height - AXIS;
  const row = bottom / data.length;
  const text = { fontSize: FONT, fontFamily: theme.typography.fontFamily };
  return (
    <svg width={width} height={height}>
      {ticks(from, to, Math.floor((width - left) / 70)).map((at) => (
        <g key={at}>
          <line x1={x(at)} x2={x(at)} y1={0} y2={bottom} stroke={theme.colors.border.weak} />
          <text {...text} x={x(at)} y={bottom + 16} textAnchor="middle" fill={theme.colors.text.primary}>
            {dateTimeFormat(at, { format: 'HH:mm:ss', timeZone: 'utc' })}
          </text>
        </g>
      ))}
      {spans.map((those, number) => (
        <g key={number}>
          <text {...text} x={left - 8} y={row * (number + 0.5) + 4} textAnchor="end" fill={theme.colors.text.primary}>
            {names[number]}
          </text>
          {those.map((span) => {
            const wide = x(span.to) - x(span.from);
            return (
              <g key={span.from}>
                <rect
                  x={x(span.from)} width={Math.max(wide, 1)} y={row * number + row * 0.05} height={row * 0.9}
                  fill={span.colour} fillOpacity={0.7} stroke={span.colour}
                />
                {wide > measureText(span.text, FONT).width + 10 && (
                  <text {...text} x={x(span.from) + 5} y={row * (number + 0.5) + 4} fill={theme.colors.text.maxContrast}>
                    {span.text}
                  </text>
                )}
              </g>
            );
          })}
        </g>
      ))}
      {marks.map((mark, number) => (
        <line
          key={number} x1={x(mark.from_ms)} x2={x(mark.from_ms)} y1={0} y2={bottom} stroke={mark.colour}
          strokeDasharray="5 5"
        />
      ))}
    </svg>
  );
}

interface Span {
  from: number;
  to: number;
  text: string;
  colour: string;
}

// Neighbours of the same value are one span; where there is no value there is none.
function merged(frame: DataFrame): Span[] {
  const [time, field] = frame.fields as [Field<number>, Field<number | null>];
  const step = time.values.length > 1 ? time.values[1] - time.values[0] : 0;
  const spans: Span[] = [];
  let before: number | null = null;
  field.values.forEach((value, index) => {
    const at = time.values[index];
    if (value === null) {
      before = null;
      return;
    }
    const shown = field.display!(value);
    if (value === before) {
      spans[spans.length - 1].to = at + step;
    } else {
      spans.push({ from: at, to: at + step, text: shown.text, colour: shown.color! });
    }
    before = value;
  });
  return spans;
}

function states(spans: Span[]) {
  const seen = new Map(spans.map((span) => [span.text, span.colour]));
  return [...seen].map(([label, color]) => ({ label, color, yAxis: 1 }));
}

function ticks(from: number, to: number, most: number): number[] {
  const steps = [15, 30, 60, 120, 300, 600, 900, 1800, 3600].map((s) => s * 1000);
  const step = steps.find((one) => (to - from) / one <= most) ?? to - from;
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    found.push(at);
  }
  return found;
}
