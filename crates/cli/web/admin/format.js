// Numbers, sizes and times as people read them.

const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const count = (value) => integer.format(value);

export function decimal(value) {
  if (value >= 100) return integer.format(value);
  return (value >= 10 ? tenths : short).format(value);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value) {
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${decimal(value)} ${UNITS[unit]}`;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3_600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const calendar = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** A Unix time in milliseconds: the time alone if it is today. */
export function time(millis) {
  const date = new Date(millis);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock.format(date) : `${calendar.format(date)}, ${clock.format(date)}`;
}

/** One thing, or several. */
export const plural = (number, one, several) => `${count(number)} ${number === 1 ? one : several}`;

/** What follows a list while so many nodes do not answer. */
export const silent = (nodes) => (nodes === 0 ? "" : `; ${plural(nodes, "node does", "nodes do")} not answer`);

/** The name of a user; anonymous clients have none. */
export const userName = (user) => (user === "" ? "anonymous" : user);
