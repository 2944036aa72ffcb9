// Numbers as people read them.

export const short = (value) => (value === null ? "–" : value.toPrecision(value < 1 ? 2 : 3));
export const percent = (share) => (share === null ? "–" : `${+(100 * share).toFixed(2)} %`);
export const whole = (value) => (value === null ? "–" : Math.round(value).toLocaleString("en"));

export function duration(seconds) {
  const all = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
