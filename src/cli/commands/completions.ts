/** `portd completions`: the script with which a shell completes portd's words. */
import { argument, COMMON_FLAGS, defineCommand } from "../command.ts";
import { completionScript, type Shell, SHELLS } from "../completion/scripts.ts";
import { UsageError } from "../exit.ts";
import { describeChoices } from "../../errors.ts";

export default defineCommand({
  flags: COMMON_FLAGS,
  args: [argument("SHELL", describeChoices(SHELLS))],
  help: `Prints a script for the shell. It completes commands, flags, and the names, ports and labels of live leases; it
starts no daemon. Load it when the shell starts:

  bash        eval "$(portd completions bash)"        in ~/.bashrc
  zsh         eval "$(portd completions zsh)"         in ~/.zshrc
  fish        portd completions fish | source         in ~/.config/fish/config.fish
  PowerShell  portd completions powershell | Out-String | Invoke-Expression     in $PROFILE`,
  usage: ["bash|zsh|fish|powershell"],
  run({ process }, _flags, text) {
    const shell = SHELLS.find((each) => each === text);
    if (shell === undefined) {
      throw new UsageError(`Cannot complete for ${JSON.stringify(text)}: must be ${describeChoices(SHELLS)}`);
    }
    process.stdout.write(completionScript(shell satisfies Shell));
  },
});
