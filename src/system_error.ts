/** What the system refuses, in plain words: Deno's own name the system call and a number. Pure. */

/** Reasons by the system's name of the error; see errno(3). On Windows Deno uses the same names. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "this user has no permission",
  EPERM: "this user has no permission",
  ENOTDIR: "a part of the path is a file and not a folder",
  EISDIR: "it is a folder and not a file",
  EEXIST: "there is a file of this name already",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "the path has too many symbolic links",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EMFILE: "this process has too many open files",
  ENFILE: "the system has too many open files",
  EINVAL: "the system does not take this name or value",
  EIO: "the disk reports an error",
  EBUSY: "another program uses it",
  ENOTEMPTY: "the folder is not empty",
  EXDEV: "the two places are on different file systems",
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "the connection was broken",
  EPIPE: "the connection was broken",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  EADDRNOTAVAIL: "this machine has no such address",
};

/** Why the system refused, as half a sentence; the error's own words where the reason is not known. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = "code" in error ? REASONS[String(error.code)] : undefined;
  if (known !== undefined) return known;
  return plainMessage(error);
}

/** An error of the system as a sentence that names the file; any other error in its own words. */
export function describeSystemError(error: Error): string {
  const [, path] = /: [a-z]+ '(.*)'(?: -> '.*')?$/s.exec(error.message) ?? [];
  const isKnown = "code" in error && REASONS[String(error.code)] !== undefined;
  return isKnown && path !== undefined ? `Cannot use ${path}: ${reasonOf(error)}` : plainMessage(error);
}

function plainMessage({ message }: Error): string {
  return message.replace(/ \(os error \d+\)/, "");
}
