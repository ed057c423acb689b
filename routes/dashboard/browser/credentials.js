/** The token of this tab: asked for when something needs it, shown by the button at the top, forgotten at its press. */
import { Refusal } from "./api.js";
import { byId } from "./dom.js";
import { openSession } from "./session.js";
import { askToken } from "./token_dialog.js";

export class Credentials {
  #api;
  #texts;
  #onEntered;
  #tokenFile;
  /** Ends the session of this tab, where it has one. */
  #endSession = () => {};

  /**
   * @param {object} options
   * @param {import("./api.js").Api} options.api
   * @param {import("./english.js").Texts} options.texts
   * @param {() => void} options.onEntered
   * @param {() => string | null} options.tokenFile where the token can be read, as far as the page knows.
   */
  constructor({ api, texts, onEntered, tokenFile }) {
    this.#api = api;
    this.#texts = texts;
    this.#onEntered = onEntered;
    this.#tokenFile = tokenFile;
    byId("token").addEventListener("click", () => this.#press());
  }

  /** Asks for the token. @param {Refusal | null} [refusal] is why. */
  async enter(refusal = null) {
    const options = { reason: refusal?.message ?? null, tokenFile: refusal?.tokenFile ?? this.#tokenFile() };
    const isEntered = await askToken({ api: this.#api, texts: this.#texts, ...options });
    this.show();
    if (isEntered) this.#onEntered();
    return isEntered;
  }

  /**
   * A call for which the token is asked where the daemon wants it.
   *
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async call(method, path, body) {
    try {
      return await this.#api.call(method, path, body);
    } catch (error) {
      if (!(error instanceof Refusal) || !error.wantsToken || !await this.enter(error)) throw error;
      return await this.#api.call(method, path, body);
    }
  }

  /**
   * A call that always takes the token: it is asked for first.
   *
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async callAsOwner(method, path, body) {
    if (!this.#api.hasToken && !await this.enter()) {
      throw new Refusal({ code: "scope_required", detail: this.#texts.token.missing }, 403);
    }
    return await this.call(method, path, body);
  }

  /** Shows whether there is a token. */
  show() {
    const { token } = this.#texts;
    byId("token").textContent = this.#api.hasToken ? `${token.entered} · ${token.forget}` : token.enter;
  }

  /**
   * Opens the session of this tab that `portd dashboard` has made a code for.
   *
   * @param {string} code
   * @param {(text: string) => void} announce
   * @returns {Promise<boolean>} whether it is open.
   */
  async openSession(code, announce) {
    const { token, actions } = this.#texts;
    try {
      this.#endSession = await openSession(this.#api, code);
      announce(token.session);
      this.show();
      this.#onEntered();
      return true;
    } catch (error) {
      announce(token.noSession(error instanceof Refusal ? error.message : actions.failed));
      return false;
    }
  }

  /**
   * Forgets a token that the daemon does not take: that of a session is worth nothing when the session has ended, also by
   * a restart of the daemon.
   *
   * @returns {boolean} whether there was one.
   */
  drop() {
    if (!this.#api.hasToken) return false;
    this.#api.useToken(null);
    this.show();
    return true;
  }

  async #press() {
    if (!this.#api.hasToken) return await this.enter();
    this.#endSession();
    this.drop();
  }
}
