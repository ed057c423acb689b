/** Where the page comes to life: without this it shows what the server has rendered. */
localizeTimes(document);

/**
 * Puts the browser's own time in the place of UTC.
 *
 * @param {ParentNode} root
 */
function localizeTimes(root) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const element of root.querySelectorAll("time")) element.textContent = format.format(new Date(element.dateTime));
}
