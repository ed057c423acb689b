// @ts-check
/** Instants as the browser's own time. */

/**
 * How instants are shown: of today the time, of other days the day too.
 *
 * @param {string} language
 * @returns {(instant: string) => string}
 */
export function localTime(language) {
  const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  return (instant) => {
    const date = new Date(instant);
    const isToday = date.toDateString() === new Date().toDateString();
    return isToday ? time.format(date) : `${day.format(date)}, ${time.format(date)}`;
  };
}
