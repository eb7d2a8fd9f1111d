// The tab's title and icon show the state and the number of open alerts.
import type { Tone } from "../format/states";

const COLOURS: Record<Tone, string> = { good: "#3DDC97", warn: "#F5D547", bad: "#FF8A4C", calm: "#9AA7B4" };

const SHAPES: Record<Tone, string> = {
  good: "<circle cx='8' cy='8' r='5' fill='C'/>",
  calm: "<rect x='4' y='4' width='8' height='8' fill='C'/>",
  warn: "<path d='M8 2.5 14 13H2z' fill='C'/>",
  bad: "<path d='M5.4 2h5.2L14 5.4v5.2L10.6 14H5.4L2 10.6V5.4z' fill='C'/>",
};

export function iconOf(tone: Tone): string {
  const shape = SHAPES[tone].replace("C", COLOURS[tone]);
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' rx='3' fill='#0f1419'/>${shape}</svg>`;
  return "data:image/svg+xml," + encodeURIComponent(svg);
}

export function titleOf(word: string, openAlerts: number, page: string): string {
  return `${openAlerts ? `(${openAlerts}) ` : ""}${word} \u2013 ${page} \u2013 Market maker`;
}
