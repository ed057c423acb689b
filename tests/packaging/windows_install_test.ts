/** What can be said of packaging/windows/install.ps1 without a PowerShell. */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);
const SCRIPT = await Deno.readTextFile(new URL("packaging/windows/install.ps1", ROOT));

/** The body of a function of the script. */
function bodyOf(name: string): string {
  const [, body] = new RegExp(`^function ${name}\\b.*?\\{\\n(.*?)^\\}$`, "ms").exec(SCRIPT) ?? [];
  assert.ok(body, `install.ps1 has no function ${name}`);
  return body;
}

Deno.test("install.ps1 takes the programs that compile.sh makes, one for each processor of Windows", async () => {
  const compile = await Deno.readTextFile(new URL("compile.sh", ROOT));
  const made = [...compile.matchAll(/echo (portd-windows-\S+\.exe)/g)].map(([, name]) => name);
  const taken = [...bodyOf("Get-SourceName").matchAll(/return '([^']+)'/g)].map(([, name]) => name);
  assert.deepEqual(taken.sort(), made.sort());
  assert.equal(taken.length, 2);
});

Deno.test("install.ps1 runs a program only by Invoke-Portd, and a new one only after its hash was compared", () => {
  const calls = [...SCRIPT.matchAll(/^\s*(?:&|\.) .*$/gm)].map(([line]) => line.trim());
  assert.deepEqual(calls, ["& $path @words"]);
  assert.doesNotMatch(SCRIPT, /Invoke-Expression|\biex\b|Start-Process|Invoke-Command|ScriptBlock/i);
  const install = bodyOf("Install-Portd");
  assert.ok(install.indexOf("Save-CheckedProgram") < install.indexOf("Invoke-Portd"));
  const save = bodyOf("Save-CheckedProgram");
  assert.match(
    save,
    /Get-FileHash -Algorithm SHA256 -LiteralPath \$staged\).*\n\s+if \(\$found -ne \$expected\) \{\n\s+throw /,
  );
  assert.match(save, /catch \{\n\s+Remove-Item -LiteralPath \$staged .*\n\s+throw/);
  const downloads = [...SCRIPT.matchAll(/Invoke-WebRequest|Copy-Item/g)].length;
  assert.equal(downloads, [...bodyOf("Copy-FromSource").matchAll(/Invoke-WebRequest|Copy-Item/g)].length);
});

Deno.test("install.ps1 downloads by https alone, and installs for every user only as an administrator", () => {
  assert.match(bodyOf("Copy-FromSource"), /if \(\$Source -match '\^https:\/\/'\)/);
  assert.deepEqual(SCRIPT.match(/http:\/\//g), null);
  assert.match(SCRIPT.trimEnd(), /\nAssert-Rights\nif \(\$Uninstall\) \{ Uninstall-Portd \} else \{ Install-Portd \}$/);
});

Deno.test("install.ps1 can be read by Windows PowerShell 5.1: ASCII, and no syntax of later versions", () => {
  // Without a mark at its beginning, 5.1 reads a file in the code page of the machine.
  // deno-lint-ignore no-control-regex
  assert.match(SCRIPT, /^[\x00-\x7f]*$/);
  const code = SCRIPT.replaceAll(/<#.*?#>/gs, "").replaceAll(/'[^'\n]*'|"[^"\n]*"/g, "''").replaceAll(/#.*$/gm, "");
  assert.doesNotMatch(code, /&&|\|\||\?\?|\?\.|\s\? /);
  for (const [open, close] of [["{", "}"], ["(", ")"], ["[", "]"]] as const) {
    assert.equal(code.split(open).length, code.split(close).length, `${open} and ${close}`);
  }
});
