/**
 * Stands in for systemctl(1) and systemd: `systemctl.ts FOLDER [--user] WORDS`, where FOLDER is its `/`. A service runs
 * as soon as it has been started; FOLDER/fault, when it is there, is why it does not. Keeps what it knows in FOLDER/unit.json.
 */

interface Unit {
  active: "inactive" | "active" | "failed";
  enabled: boolean;
  pid: number;
  /** The text as it was read. */
  text: string | null;
}

class Systemd {
  readonly #folder: string;
  readonly #path: string;
  readonly #unit: Unit;

  constructor(folder: string, isUser: boolean) {
    this.#folder = folder;
    this.#path = isUser ? "/config/systemd/user/portd.service" : "/etc/systemd/system/portd.service";
    const known = read(`${folder}/unit.json`);
    this.#unit = known === null ? { active: "inactive", enabled: false, pid: 4711, text: null } : JSON.parse(known);
    this.#unit.text ??= this.#file;
  }

  run(words: readonly string[]): number {
    const code = this.#do(words);
    Deno.writeTextFileSync(`${this.#folder}/unit.json`, JSON.stringify(this.#unit));
    return code;
  }

  get #file(): string | null {
    return read(this.#folder + this.#path);
  }

  #do([verb = ""]: readonly string[]): number {
    const unit = this.#unit;
    if (verb === "show") return this.#show();
    if (verb === "daemon-reload") {
      unit.text = this.#file;
    } else if (unit.text === null) {
      return fail(5, "Unit portd.service not found.");
    } else if (verb === "start") {
      const fault = read(`${this.#folder}/fault`);
      unit.active = fault === null ? "active" : "failed";
      unit.pid++;
      if (fault !== null) return fail(1, fault);
    } else if (verb === "stop" || verb === "reset-failed") {
      unit.active = "inactive";
    } else if (verb === "enable" || verb === "disable") {
      unit.enabled = verb === "enable";
    } else {
      return fail(1, `Unknown command verb '${verb}'.`);
    }
    return 0;
  }

  #show(): number {
    const { active, enabled, pid, text } = this.#unit;
    const values = {
      MainPID: active === "active" ? pid : 0,
      ExecMainCode: active === "failed" ? 2 : 0,
      ExecMainStatus: active === "failed" ? 9 : 0,
      LoadState: text === null ? "not-found" : "loaded",
      ActiveState: active,
      FragmentPath: text === null ? "" : this.#path,
      UnitFileState: text === null ? "" : enabled ? "enabled" : "disabled",
      NeedDaemonReload: text === this.#file ? "no" : "yes",
    };
    console.log(Object.entries(values).map(([name, value]) => `${name}=${value}`).join("\n"));
    return 0;
  }
}

function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function fail(code: number, words: string): number {
  console.error(words);
  return code;
}

if (import.meta.main) {
  const [folder = "", ...words] = Deno.args;
  const isUser = words[0] === "--user";
  Deno.exit(new Systemd(folder, isUser).run(isUser ? words.slice(1) : words));
}
