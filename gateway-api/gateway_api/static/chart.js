// Small line charts on canvas, from the rings of values that this page has seen.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function ordered(history, name) {
  const { next, count } = history;
  const values = history[name];
  const size = values.length;
  return Array.from({ length: count }, (_, index) => values[(next - count + index + size) % size]);
}

function prepare(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

const LEAST_SAMPLES = 60;

// lines: [{name, colour, width, step}]; `zero` draws the zero line and keeps it in view.
// Returns {low, high, seconds} of what is drawn, or null where there is nothing yet.
export function drawLines(canvas, history, lines, { zero = false } = {}) {
  const { context, width, height } = prepare(canvas);
  const series = lines.map((line) => ({ ...line, values: ordered(history, line.name) }));
  const known = series.flatMap((line) => line.values).filter(Number.isFinite);
  if (!known.length) return null;
  const low = Math.min(...known, ...(zero ? [0] : []));
  const high = Math.max(...known, ...(zero ? [0] : []));
  const room = high - low || Math.abs(high) * 1e-4 || 1;
  const y = (value) => height - 4 - ((value - low) / room) * (height - 8);
  const span = Math.max(history.count, LEAST_SAMPLES) - 1;
  const x = (index) => width - ((history.count - 1 - index) / span) * width;
  if (zero) {
    context.strokeStyle = css("--line-strong");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, Math.round(y(0)) + 0.5);
    context.lineTo(width, Math.round(y(0)) + 0.5);
    context.stroke();
  }
  for (const line of series) drawLine(context, line, x, y);
  const times = ordered(history, "time");
  return { low, high, seconds: (times.at(-1) - times[0]) / 1000 };
}

function drawLine(context, line, x, y) {
  context.strokeStyle = css(line.colour);
  context.lineWidth = line.width ?? 1.25;
  context.setLineDash(line.dash ?? []);
  context.lineJoin = "round";
  context.beginPath();
  let before = NaN;
  line.values.forEach((value, index) => {
    if (!Number.isFinite(value)) {
      before = NaN;
      return;
    }
    if (!Number.isFinite(before)) context.moveTo(x(index), y(value));
    else {
      if (line.step) context.lineTo(x(index), y(before));
      context.lineTo(x(index), y(value));
    }
    before = value;
  });
  context.stroke();
  context.setLineDash([]);
}
