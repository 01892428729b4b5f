// Draws one dashboard of our JSON from what Prometheus answered, as window.draw(bundle); nothing is asked from here.
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import React, { useMemo } from 'react';
import { createRoot } from 'react-dom/client';
import { createTheme, dateTime, dateTimeFormat, ThemeContext } from '@grafana/data';
import { GlobalStyles, Icon, PanelChrome, useTheme2 } from '@grafana/ui';
import { Series } from './fields';
import { Mark } from './marks';
import { Body } from './panels';

interface Bundle {
  dashboard: any;
  from_ms: number;
  to_ms: number;
  series: Record<string, Series[]>;
  marks: Mark[];
  variables: Array<{ label: string; text: string }>;
}

const GAP = 8;
const CELL = 30;
const COLUMNS = 24;
const MARGIN = 16;
const HEADER = 84;
const SHOWN_MARKS = 8;

function Page({ bundle }: { bundle: Bundle }) {
  const theme = useTheme2();
  const { dashboard, from_ms, to_ms } = bundle;
  const range = useMemo(() => {
    const [from, to] = [dateTime(from_ms), dateTime(to_ms)];
    return { from, to, raw: { from, to } };
  }, []);
  const marks = bundle.marks.map((mark) => ({ ...mark, colour: theme.visualization.getColorByName(mark.colour) }));
  const inside = innerWidth - 2 * MARGIN;
  const column = (inside - (COLUMNS - 1) * GAP) / COLUMNS;
  const place = ({ x, y, w, h }: any) => ({
    position: 'absolute' as const,
    left: MARGIN + x * (column + GAP), top: HEADER + y * (CELL + GAP),
    width: w * column + (w - 1) * GAP, height: h * CELL + (h - 1) * GAP,
  });
  const bottom = Math.max(...dashboard.panels.map((panel: any) => panel.gridPos.y + panel.gridPos.h));
  return (
    <div style={{ position: 'relative', background: theme.colors.background.canvas, minHeight: '100vh' }}>
      <Header bundle={bundle} marks={marks} />
      {dashboard.panels.map((panel: any) =>
        panel.type === 'row' ? (
          <h6 key={panel.id} style={{ ...place(panel.gridPos), display: 'flex', alignItems: 'center', gap: GAP, margin: 0 }}>
            <Icon name="angle-down" /> {panel.title}
          </h6>
        ) : (
          <div key={panel.id} data-panel={panel.id} style={place(panel.gridPos)}>
            <PanelChrome
              title={panel.title} description={panel.description} padding="sm"
              width={place(panel.gridPos).width} height={place(panel.gridPos).height}
              titleItems={panel.links?.length ? <Icon name="external-link-alt" /> : undefined}
            >
              {(width: number, height: number) => (
                <Body
                  panel={panel} series={bundle.series[panel.id] ?? []} range={range} marks={marks} width={width}
                  height={height}
                />
              )}
            </PanelChrome>
          </div>
        )
      )}
      <Told marks={marks} top={HEADER + bottom * (CELL + GAP)} />
    </div>
  );
}

// The bar above: title, range, variables and which annotations are on.
function Header({ bundle, marks }: { bundle: Bundle; marks: Mark[] }) {
  const theme = useTheme2();
  const line = { display: 'flex', gap: 16, alignItems: 'center', padding: `6px ${MARGIN}px` };
  const box = {
    border: `1px solid ${theme.colors.border.medium}`, borderRadius: theme.shape.radius.default,
    background: theme.components.input.background, padding: '3px 8px',
  };
  const time = (at: number) => dateTimeFormat(at, { format: 'YYYY-MM-DD HH:mm:ss', timeZone: 'utc' });
  return (
    <div style={{ height: HEADER, fontSize: 14 }}>
      <div style={{ ...line, justifyContent: 'space-between', background: theme.colors.background.primary }}>
        <span style={{ fontSize: 18 }}>{bundle.dashboard.title}</span>
        <span style={{ ...box, display: 'flex', gap: 6, alignItems: 'center' }}>
          <Icon name="clock-nine" /> {time(bundle.from_ms)} to {time(bundle.to_ms)} UTC
        </span>
      </div>
      <div style={line}>
        {bundle.variables.map(({ label, text }) => (
          <span key={label}>
            <span style={{ ...box, color: theme.colors.text.secondary }}>{label}</span>
            <span style={box}>{text}</span>
          </span>
        ))}
        <span style={{ flexGrow: 1 }} />
        {bundle.dashboard.annotations.list.map(({ name, iconColor }: any) => (
          <span key={name} style={{ display: 'flex', gap: 6, alignItems: 'center' }}>
            <span style={{ width: 14, height: 4, background: theme.visualization.getColorByName(iconColor) }} />
            {name} ({marks.filter((mark) => mark.name === name).length})
          </span>
        ))}
      </div>
    </div>
  );
}

// What Grafana says where the pointer rests on a mark: a picture has no pointer, so the last ones stand below.
function Told({ marks, top }: { marks: Mark[]; top: number }) {
  const theme = useTheme2();
  const last = [...marks].sort((a, b) => b.from_ms - a.from_ms).slice(0, SHOWN_MARKS);
  return (
    <div
      style={{
        position: 'relative', marginTop: top - HEADER, padding: `0 ${MARGIN}px 12px`, fontSize: 12, columns: 2,
        color: theme.colors.text.secondary,
      }}
    >
      {last.map((mark, number) => (
        <div key={number} style={{ lineHeight: '20px' }}>
          <span style={{ color: mark.colour }}>▲</span> {dateTimeFormat(mark.from_ms, { format: 'HH:mm:ss', timeZone: 'utc' })}{' '}
          {mark.name}: {mark.text}
        </div>
      ))}
    </div>
  );
}

(window as any).draw = (bundle: Bundle) => {
  Date.now = () => bundle.to_ms; // what is so long ago was so at the end of what is shown
  createRoot(document.getElementById('page')!).render(
    <ThemeContext.Provider value={createTheme({ colors: { mode: 'dark' } })}>
      <GlobalStyles />
      <Page bundle={bundle} />
    </ThemeContext.Provider>
  );
};
