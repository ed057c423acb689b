/** The ports that names had last: a `Map` from full name to port, the name that was granted longest ago first. */

/** Names whose port is remembered; beyond, the one that was granted longest ago is forgotten. */
export const MOST_NAMES = 50_000;
