// What every panel is drawn from.
import { TimeRange } from '@grafana/data';
import { Series } from './fields';
import { Mark } from './marks';

export interface Drawn {
  panel: any;
  series: Series[];
  range: TimeRange;
  marks: Mark[];
  width: number;
  height: number;
}
