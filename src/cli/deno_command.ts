/** How a user calls the Deno that runs this: npx puts its deno in such a folder, and on the PATH only while it runs. */
export function denoCommand(execPath: string): string {
  return /[\\/]node_modules[\\/]/.test(execPath) ? `npx -y deno@${Deno.version.deno}` : "deno";
}
