// Annotations as Grafana marks them: a dashed line with a tip below it; where one lasts, a shaded region.
export interface Mark {
  from_ms: number;
  to_ms: number;
  name: string;
  colour: string;
  text: string;
}

export function drawMarks(plot: any, marks: Mark[]) {
  const { ctx, bbox } = plot;
  const tip = 5 * devicePixelRatio;
  ctx.save();
  for (const mark of marks) {
    const [left, right] = [mark.from_ms, mark.to_ms].map((at) => Math.round(plot.valToPos(at, 'x', true)));
    if (right < bbox.left || left > bbox.left + bbox.width) {
      continue;
    }
    ctx.strokeStyle = ctx.fillStyle = mark.colour;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5, 5]);
    for (const at of new Set([left, right])) {
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
    }
    if (right > left) {
      ctx.globalAlpha = 0.1;
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.globalAlpha = 1;
      ctx.fillRect(left, bbox.top + bbox.height, right - left, tip);
    } else {
      ctx.beginPath();
      ctx.moveTo(left, bbox.top + bbox.height);
      ctx.lineTo(left - tip, bbox.top + bbox.height + tip);
      ctx.lineTo(left + tip, bbox.top + bbox.height + tip);
      ctx.fill();
    }
  }
  ctx.restore();
}
