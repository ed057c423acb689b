/** Asking tools that belong to the system. */

/** What a tool prints; nothing when it is not there. @param command is an absolute path. */
export async function outputOf(command: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(command, { args: [...args], stdin: "null", stderr: "null" }).output();
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** What Windows' netsh prints. Its words are in the user's language; only its digits and signs may be read. */
export async function netsh(...args: readonly string[]): Promise<string> {
  return await outputOf(`${Deno.env.get("SystemRoot") ?? "C:\\Windows"}\\System32\\netsh.exe`, args);
}
