/**
 * The session of this tab: `portd dashboard` opens the page with a one-time code at the end of its address, which is
 * exchanged for a token of this tab alone.
 */

const SESSIONS = "/v1/dashboard/sessions";

/**
 * Takes the code out of the address, so that it stands neither there nor in the history.
 *
 * @returns {string | null} null where there is none.
 */
export function takeCode() {
  const { hash, pathname, search } = location;
  if (!hash.startsWith("#code=")) return null;
  history.replaceState(null, "", pathname + search);
  return hash.slice("#code=".length);
}

/**
 * Opens the session. From then on the API has its token; the session ends with the tab, or sooner.
 *
 * @param {import("./api.js").Api} api
 * @param {string} code
 * @returns {Promise<() => void>} ends it.
 * @throws {import("./api.js").Refusal} where the code was used, or is old.
 */
export async function openSession(api, code) {
  const { token } = await api.call("POST", SESSIONS, { code });
  api.useToken(token);
  const end = () => endSession(token);
  addEventListener("pagehide", ({ persisted }) => {
    if (!persisted) end();
  });
  return end;
}

/**
 * Ends a session. Also while the tab is being closed: the request goes on without the page.
 *
 * @param {string} token
 */
function endSession(token) {
  const headers = { authorization: `Bearer ${token}` };
  fetch(`${SESSIONS}/current`, { method: "DELETE", headers, keepalive: true }).catch(() => {
    // The daemon has ended, and the session with it.
  });
}
