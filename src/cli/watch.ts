/** `--watch`: a list on the terminal that is drawn again when something has changed. */
import type { PortdClient } from "../client/client.ts";
import { NoDaemonError } from "../client/transport.ts";
import { messageOf } from "../errors.ts";
import { abortable, pause, startTimer } from "../wait.ts";
import type { CliContext, CommonFlags, TextStream } from "./context.ts";
import { isTimeout, UsageError } from "./exit.ts";
import { follow } from "./follow.ts";
import { Screen } from "./screen.ts";
import { untilSignal } from "./signals.ts";
import { columnTime, escapeControls } from "./terminal.ts";

/** What was seen, as text that fits the terminal. It may have styles and no other control characters. */
export type Picture = (stdout: TextStream) => string;

/** Options of {@linkcode watch}. */
export interface WatchOptions {
  /** Looks at what is to be drawn; the signal is aborted when that is not needed any more. */
  readonly look: (signal: AbortSignal) => Promise<Picture>;
  /** Whose events say that there is something to see; asked after the first look. `undefined`: there is no daemon. */
  readonly client: () => PortdClient | undefined;
  /** Looks so often also when nothing has happened. @default only when something has */
  readonly everyMs?: number;
}

/** Between two looks at least this time passes, and four times as long as the look before took. */
const LEAST_PAUSE_MS = 200, PAUSE_FACTOR = 4;
/** The size of the terminal is looked at so often, and a daemon that did not answer is asked again. */
const TICK_MS = 1000;

/** @throws {UsageError} where a list cannot be watched: as JSON, or on what is no terminal. */
export function checkWatch({ process: { stdout } }: CliContext, { json }: CommonFlags): void {
  if (json) throw new UsageError("Cannot use --watch together with --json; portd events --json prints what changes");
  if (stdout.isTerminal) return;
  throw new UsageError("Cannot use --watch: stdout is no terminal; portd events prints what changes");
}

/**
 * Draws until Ctrl-C, which ends it at once, also while `look` is at work. The first look is made before the screen is
 * taken. While the daemon does not answer, the list stays as it was, and says so.
 *
 * @throws whatever `look` throws; of a daemon that does not answer only the first time.
 */
export async function watch(context: CliContext, options: WatchOptions): Promise<void> {
  await untilSignal(context, async (stopping) => {
    const first = await abortable(options.look(stopping), stopping);
    const ending = new AbortController(), signal = AbortSignal.any([stopping, ending.signal]);
    const list = new WatchedList(context, { ...options, first });
    const client = options.client();
    const following = client === undefined ? undefined : follow(client, {
      signal,
      retries: Infinity,
      onOpen: () => list.change(), // the first look was before it
      onEvent: () => list.change(),
      onNews: (news) => list.change(news.isLost ? news.text : ""),
    }).catch((error) => ending.abort(error));
    try {
      await list.run(signal);
    } finally {
      list[Symbol.dispose]();
      ending.abort();
      await following;
    }
  });
}

/** A list, and the loop that looks and draws. */
class WatchedList implements Disposable {
  readonly #context: CliContext;
  readonly #options: WatchOptions;
  readonly #screen: Screen;
  #picture: Picture;
  #changedAt = new Date();
  #lookedAt = performance.now();
  #pauseMs = LEAST_PAUSE_MS;
  /** Whether there may be something to see. */
  #isDue = false;
  #wake = Promise.withResolvers<void>();
  /** Why there are no events; empty when there are. */
  #loss = "";
  /** Why the last look has failed; empty when it has not. */
  #failure = "";

  constructor(context: CliContext, { first, ...options }: WatchOptions & { readonly first: Picture }) {
    this.#context = context;
    this.#options = options;
    this.#picture = first;
    this.#screen = new Screen(context, { onDamage: () => this.#draw() });
  }

  /** Something has happened. @param loss is why there are no events now; absent, that stays as it is. */
  change(loss = this.#loss): void {
    this.#loss = loss;
    this.#isDue = true;
    this.#wake.resolve();
  }

  /** @throws the signal's reason when it is aborted, and what a look throws. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      this.#draw();
      await pause(this.#pauseMs, signal);
      await this.#untilChange(signal);
      if (this.#isDue || this.#leftMs() <= 0) await this.#look(signal);
    }
  }

  /** Resolves at the next change, and at the latest when the size of the terminal is looked at. */
  async #untilChange(signal: AbortSignal): Promise<void> {
    this.#wake = Promise.withResolvers();
    if (this.#isDue) return;
    const stop = startTimer(Math.max(0, Math.min(this.#leftMs(), TICK_MS)), this.#wake.resolve);
    try {
      await abortable(this.#wake.promise, signal);
    } finally {
      stop();
    }
  }

  /** How long until a look is due without a change; without the events one is due at every tick. */
  #leftMs(): number {
    const { everyMs = Infinity } = this.#options, isBlind = this.#loss !== "" || this.#failure !== "";
    return this.#lookedAt + (isBlind ? Math.min(everyMs, TICK_MS) : everyMs) - performance.now();
  }

  async #look(signal: AbortSignal): Promise<void> {
    this.#isDue = false; // what happens from now on may not be seen any more
    this.#lookedAt = performance.now();
    try {
      const picture = await abortable(this.#options.look(signal), signal), { stdout } = this.#context.process;
      if (picture(stdout) !== this.#picture(stdout)) this.#changedAt = new Date();
      this.#picture = picture;
      this.#failure = "";
    } catch (error) {
      if (!(error instanceof NoDaemonError || isTimeout(error)) || signal.aborted) throw error;
      this.#failure = `trying again: ${messageOf(error)}`;
    }
    this.#pauseMs = Math.max(LEAST_PAUSE_MS, PAUSE_FACTOR * (performance.now() - this.#lookedAt));
  }

  #draw(): void {
    const { stdout } = this.#context.process, trouble = this.#failure || this.#loss;
    const time = columnTime(stdout, this.#changedAt.toISOString(), new Date());
    const head = [`last change ${time}`, "Ctrl-C ends", ...(trouble ? [trouble] : [])];
    this.#screen.draw(`${escapeControls(head.join("  "))}\n${this.#picture(stdout)}`);
  }

  [Symbol.dispose](): void {
    this.#screen[Symbol.dispose]();
  }
}
