/** A picture on the terminal, on the alternate screen: what was there before comes back. */
import { cellsOf, cutAt } from "./cells.ts";
import type { CliContext } from "./context.ts";

/** Lines do not wrap: where the terminal counts more cells than we do, the end of a line is lost and nothing moves. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l",
  LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l",
  HOME = "\x1b[H",
  CLEAR_LINE = "\x1b[K",
  CLEAR_BELOW = "\x1b[J";

/** Options of {@linkcode Screen}. */
export interface ScreenOptions {
  /** Called when everything is to be drawn again: the terminal has another size, or another program has used it. */
  readonly onDamage: () => void;
}

/** The screen until it is disposed of. At Ctrl-Z it gives the terminal back, and takes it again when it goes on. */
export class Screen implements Disposable {
  readonly #context: Pick<CliContext, "process" | "os" | "onSignal" | "suspend">;
  readonly #stopListening: readonly (() => void)[];
  #shown = "";

  constructor(context: Pick<CliContext, "process" | "os" | "onSignal" | "suspend">, { onDamage }: ScreenOptions) {
    this.#context = context;
    const redraw = () => {
      this.#shown = "";
      onDamage();
    };
    const takeAgain = () => {
      this.#write(ENTER);
      redraw();
    };
    // Windows has none of these signals: a new size is seen at the next look at it.
    this.#stopListening = context.os === "windows" ? [] : [
      context.onSignal(["SIGWINCH"], redraw),
      context.onSignal(["SIGCONT"], takeAgain),
      context.onSignal(["SIGTSTP"], () => {
        this.#write(LEAVE);
        context.suspend();
      }),
    ];
    this.#write(ENTER);
  }

  /** Draws lines, which may have styles and no other control characters; what is drawn already is not drawn again. */
  draw(text: string): void {
    const picture = frame(text, this.#context.process.stdout.getSize());
    if (picture === this.#shown) return;
    this.#shown = picture;
    this.#write(picture);
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stopListening) stop();
    this.#write(LEAVE);
  }

  #write(text: string): void {
    this.#context.process.stdout.write(text);
  }
}

/** The text as it is drawn: what does not fit is cut, and the lines that are left out are counted. */
export function frame(text: string, { columns, rows }: { readonly columns: number; readonly rows: number }): string {
  const lines = text.trimEnd().split("\n");
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`];
  // Behind a full line the cursor stands on its last character, which would be cleared too.
  const below = shown.length < rows ? `\r\n${CLEAR_BELOW}` : "";
  return HOME + shown.map((line) => cutLine(line, columns)).join("\r\n") + below;
}

// deno-lint-ignore no-control-regex -- codes for colours begin with one
const STYLE_CODE = /(\x1b\[[\d;]*m)/;

/** The beginning of a line, with all of its codes for styles, so that none goes on in the next line. */
function cutLine(line: string, columns: number): string {
  let left = columns, cut = "";
  for (const [index, part] of line.split(STYLE_CODE).entries()) {
    const isCode = index % 2 === 1, fitting = isCode ? part : cutAt(part, left);
    if (!isCode) left -= cellsOf(fitting);
    if (fitting !== part) left = 0;
    cut += fitting;
  }
  return left > 0 ? cut + CLEAR_LINE : cut;
}
