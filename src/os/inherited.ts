/** Descriptors that this process has of the one that started it, beside its streams. Manuals: fcntl(2), ioctl(2). */
import type { LibSystem } from "./darwin/libsystem.ts";
import type { Libc } from "./linux/libc.ts";

const F_GETFD = 1, F_SETFD = 2, FD_CLOEXEC = 1;
/** macOS, sys/filio.h: the same flag without an argument, since on arm64 the one of a variadic call has another place. */
const FIOCLEX = 0x20006601n, FIONCLEX = 0x20006602n;
const FIRST = 3;
/** Descriptors of shells, make and direnv are low numbers. */
const LIMIT = 1024;

/** Which descriptors a program that is started gets too. */
export interface Inheritance {
  /** Whether there is such a descriptor, and it is passed on. */
  isPassedOn(descriptor: number): boolean;
  passOn(descriptor: number, isPassedOn: boolean): void;
}

/** That of Linux. */
export function linuxInheritance({ fcntl }: Pick<Libc, "fcntl">): Inheritance {
  return {
    isPassedOn: (descriptor) => fcntl(descriptor, F_GETFD, 0) === 0,
    passOn: (descriptor, isPassedOn) => void fcntl(descriptor, F_SETFD, isPassedOn ? 0 : FD_CLOEXEC),
  };
}

/** That of macOS. */
export function darwinInheritance({ fcntl, ioctl }: Pick<LibSystem, "fcntl" | "ioctl">): Inheritance {
  return {
    isPassedOn: (descriptor) => fcntl(descriptor, F_GETFD) === 0,
    passOn: (descriptor, isPassedOn) => void ioctl(descriptor, isPassedOn ? FIONCLEX : FIOCLEX),
  };
}

/**
 * Does something during which programs that are started inherit no descriptor but their streams. A program that goes on
 * in the background would keep the pipes open of whoever waits for their end: direnv waits so for its descriptor 3. What
 * this process opens itself, no program inherits in any case.
 */
export function withoutInherited<T>(inheritance: Inheritance, work: () => T): T {
  const inherited: number[] = [];
  for (let descriptor = FIRST; descriptor < LIMIT; descriptor++) {
    if (inheritance.isPassedOn(descriptor)) inherited.push(descriptor);
  }
  for (const descriptor of inherited) inheritance.passOn(descriptor, false);
  try {
    return work();
  } finally {
    for (const descriptor of inherited) inheritance.passOn(descriptor, true); // the command of `portd run` gets them
  }
}
