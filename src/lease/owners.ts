/** How many live leases each user has, and may have. Pure. */
import { PortdError } from "../errors.ts";

/** The number of live leases of each counted user. */
export class LeasesByOwner {
  readonly #counts = new Map<string, number>();

  /** How many live leases a user has. */
  count(owner: string): number {
    return this.#counts.get(owner) ?? 0;
  }

  /** @param owner is null for a lease that is not counted. */
  add(owner: string | null): void {
    if (owner !== null) this.#counts.set(owner, this.count(owner) + 1);
  }

  remove(owner: string | null): void {
    if (owner === null) return;
    const left = this.count(owner) - 1;
    if (left > 0) this.#counts.set(owner, left);
    else this.#counts.delete(owner);
  }

  /**
   * Checks that a user may have so many more leases.
   *
   * @param owner is null for leases that are not counted.
   * @throws {PortdError} `too_many_leases`.
   */
  checkBound(owner: string | null, more: number, most: number): void {
    if (owner === null || this.count(owner) + more <= most) return;
    const has = this.count(owner);
    const asked = more === 1 ? "one more" : `${more} more`;
    const message = `Cannot grant ${asked}: user ${owner} has ${has} live leases of at most ${most}; ` +
      "release some, send the token, or ask an administrator to raise maxLeasesPerUser";
    throw new PortdError("too_many_leases", message, { owner, leases: has, limit: most });
  }
}
