/** Descriptors that this process has of the one that started it, beside its streams. Manual: fcntl(2). */
import type { Libc } from "./libc.ts";

const F_GETFD = 1, F_SETFD = 2, FD_CLOEXEC = 1;
const FIRST = 3;
/** Descriptors of shells, make and direnv are low numbers. */
const LIMIT = 1024;

/**
 * Does something during which programs that are started inherit no descriptor but their streams. A program that goes on
 * in the background would keep the pipes open of whoever waits for their end: direnv waits so for its descriptor 3. What
 * this process opens itself, no program inherits in any case.
 */
export function withoutInherited<T>(libc: Pick<Libc, "fcntl">, work: () => T): T {
  const inherited: number[] = [];
  for (let descriptor = FIRST; descriptor < LIMIT; descriptor++) {
    if (libc.fcntl(descriptor, F_GETFD, 0) === 0) inherited.push(descriptor); // -1 where there is none
  }
  for (const descriptor of inherited) libc.fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  try {
    return work();
  } finally {
    for (const descriptor of inherited) libc.fcntl(descriptor, F_SETFD, 0); // the command of `portd run` gets them
  }
}
