/** Texts of the Debian package: its scripts, changelog and copyright. */
import { NAME, VERSION } from "../description.ts";
import type { Settings } from "../settings.ts";

/**
 * The scripts that dpkg runs, deb-postinst(5) and the others. The service is stopped before its program goes, and started
 * again after an upgrade if it ran. What portd has written into /var/lib/portd stays, also at a purge: the leases.
 */
export const SCRIPTS: Readonly<Record<"postinst" | "prerm" | "postrm", string>> = {
  postinst: `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null || true
  if [ -n "$2" ]; then
    deb-systemd-invoke try-restart ${NAME}.service >/dev/null || true
  fi
fi
`,
  prerm: `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  # A unit that "${NAME} service install" has written would be left without its program.
  if grep -qs '^ExecStart=/usr/bin/${NAME} ' /etc/systemd/system/${NAME}.service; then
    ${NAME} service uninstall >/dev/null || true
  fi
  deb-systemd-invoke stop ${NAME}.service >/dev/null || true
fi
`,
  postrm: `#!/bin/sh
set -e
link=/etc/systemd/system/multi-user.target.wants/${NAME}.service
if [ "$1" = purge ] && [ -L "$link" ] && [ ! -e "$link" ]; then
  rm -f "$link"
fi
if [ -d /run/systemd/system ] && { [ "$1" = remove ] || [ "$1" = purge ]; }; then
  systemctl --system daemon-reload >/dev/null || true
fi
`,
};

/** Debian's changelog, deb-changelog(5): one entry, for this release. */
export function changelog({ maintainer }: Settings, time: number): string {
  return `${NAME} (${VERSION}) unstable; urgency=medium

  * Release ${VERSION}.

 -- ${maintainer}  ${new Date(time * 1000).toUTCString().replace("GMT", "+0000")}
`;
}

/** In the format of Debian's copyright-format 1.0. */
export function copyright({ publisher, homepage, licence }: Settings, time: number): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${NAME}
Source: ${homepage}
Comment: The program holds the Deno runtime and npm packages under licences of
 their own: the sources at the address above name them in deno.lock.

Files: *
Copyright: ${new Date(time * 1000).getUTCFullYear()} ${publisher}
License: ${licence}

License: ${licence}
 See the sources at the address above for the text of this licence.
`;
}

/** What lintian(1) finds in every program with the Deno runtime in it. */
export const LINTIAN_OVERRIDES = `# Deno's own build links this library statically.
${NAME}: embedded-library lcms2 *
`;
