// @ts-check
/** The English words of the dashboard. Its shape is that of every language. */

/** @typedef {typeof ENGLISH} Texts */

export const ENGLISH = {
  /** @type {string} For the attribute `lang`. */
  language: "en",
  title: "portd: the ports of this machine",
  ports: "ports of this machine",
  /** @param {number} free @param {number} size */
  free: (free, size) => `${count(free)} of ${count(size)} ports are free`,
  /** @param {number} live */
  leased: (live) => live === 0 ? "none is leased" : live === 1 ? "1 is leased" : `${count(live)} are leased`,
  /** @param {number} conflicts */
  conflicts: (conflicts) =>
    conflicts === 0
      ? "none is in conflict"
      : conflicts === 1
      ? "1 is in conflict"
      : `${count(conflicts)} are in conflict`,
  connection: {
    static: "not live",
    connecting: "connecting",
    live: "live",
    lost: "connection lost, trying again",
    full: "too many readers of events, trying again",
    locked: "the token is needed",
  },
  attention: "Needs attention",
  /** @param {number} more */
  andMore: (more) => `and ${count(more)} more`,
  conflictWithout: "another process listens on its port",
  collision: "is used without a lease, and the pool has it",
  /** @param {string} name */
  takenFrom: (name) => `is used without a lease; ${name} had it last and would get another one`,
  leases: "Leases",
  noLeases: "No port is leased yet. This leases one for the project in the current folder, the same one every time:",
  noMatch: "No lease matches the filter.",
  /** @param {number} more */
  moreRows: (more) => `${count(more)} more leases are shown where scripts may run; portd ls lists them all.`,
  /** @param {number} left */
  showMore: (left) => `Show more (${count(left)} are left)`,
  filter: "Filter",
  filterHint: "name, port, command, state …",
  sortBy: "Sort by",
  newLease: "Lease a port",
  columns: {
    state: "State",
    name: "Service",
    port: "Port",
    address: "Address",
    process: "Process",
    since: "Since",
    rule: "Firewall",
    mapping: "Router",
    inspect: "Details",
  },
  states: {
    granted: "granted",
    listening: "listening",
    idle: "idle",
    conflict: "conflict",
    released: "released",
    revoked: "revoked",
    expired: "expired",
  },
  rules: { set: "set", not_needed: "not needed", missing: "missing", failed: "failed", unknown: "unknown" },
  mappings: { making: "asked for", set: "set", failed: "failed", unusable: "unusable", leaving: "being removed" },
  unnamed: "no name",
  pid: "pid",
  unknownProcess: "process not visible",
  details: "Details",
  /** @param {string} what */
  detailsOf: (what) => `Details and actions of ${what}`,
  map: "All ports",
  lastHour: "The last hour",
  strangers: "Listeners without a lease",
  noStrangers: "Every listener on this machine has a lease.",
  /** @param {number} total */
  strangersCount: (total) => total === 1 ? "1 listener" : `${count(total)} listeners`,
  addresses: "Addresses",
  user: "User",
  network: "Reachable from outside",
  firewall: "Firewall",
  noFirewall: "No lease is open to others, so the firewall is left alone.",
  /** @param {number} set @param {number} all */
  rulesSet: (set, all) => `${count(set)} of ${count(all)} rules are in order`,
  router: "Router",
  noRouter: "Not looked for, or none answers.",
  outside: "Outer address",
  /** @param {number} mapped */
  mapped: (mapped) => mapped === 1 ? "1 mapping" : `${count(mapped)} mappings`,
  line: "Line",
  verdicts: {
    "unrestricted": "Every outer port can be had.",
    "map-e": "Only the ports of one port set can be had (MAP-E).",
    "double-nat": "There is a second router in between.",
    "shared": "The address is shared with others: no port can be had by IPv4.",
    "unknown": "Not known yet.",
  },
  lineHint: "portd line --stun finds out more.",
  version: "Version",
  documentation: "The API of this daemon",
  otherLanguage: "日本語",
  foreignNavigation: "A page of another site has sent you here, so nothing is shown yet.",
  openHere: "Show the dashboard",
  tokenNeeded: "This daemon shows nothing without its token.",
  noScript: "Scripts are off: this is the state at the time the page was loaded, and nothing can be changed here.",
  token: {
    title: "Token",
    enter: "Enter the token",
    why:
      "It proves that you may change what others can reach. It stays in the memory of this tab and is gone when the tab is closed.",
    label: "Token of this daemon",
    where: "It is in the file",
    use: "Use this token",
    forget: "Forget the token",
    wrong: "This is not the token of this daemon.",
    entered: "Token entered",
    missing: "This takes the token of the daemon, and none was entered.",
    session: "Opened from portd dashboard: this tab may act without the token.",
    /** @param {string} reason */
    noSession: (reason) => `The address opened no session: ${reason}`,
  },
  cancel: "Cancel",
  close: "Close",
  form: {
    name: "Name",
    nameHint: "optional, like web",
    project: "Project",
    projectHint: "optional, like shop",
    port: "Port",
    portHint: "optional: any free one",
    protocols: "Protocols",
    both: "TCP and UDP",
    lifetime: "Lives",
    listener: "while something listens on it",
    ttl: "for a fixed time",
    pinned: "until it is released",
    minutes: "Minutes",
    submit: "Lease",
    /** @param {string} name @param {number} port */
    done: (name, port) => `Port ${port} is leased${name === "" ? "" : ` for ${name}`}.`,
  },
  port: {
    /** @param {number} port */
    title: (port) => `Port ${port}`,
    loading: "Looking …",
    facts: "What is known",
    holder: "Held by",
    folder: "Folder",
    command: "Command",
    lifetime: "Lifetime",
    expires: "Ends",
    never: "no time is set",
    granted: "Granted",
    hold: "Hold",
    labels: "Labels",
    listeners: "Who listens",
    nobody: "Nobody listens.",
    advice: "What you can do",
    lifetimes: {
      listener: "while its holder listens",
      process: "as long as its process",
      ttl: "a fixed time",
      pinned: "until it is released",
    },
    ofHolder: "the holder's",
    notOfHolder: "not the holder's",
  },
  actions: {
    title: "Actions",
    release: "Release",
    open: "Open to others …",
    close: "Close to others",
    check: "Check reachability",
    free: "Free …",
    take: "Lease this port",
    working: "Working …",
    released: "Released.",
    opened: "Open to others.",
    closed: "Closed to others.",
    failed: "The daemon did not answer.",
    openTo: "Who may reach it",
    openLan: "this network",
    openAll: "everybody who can reach this machine",
    openRouter: "the internet, through the router",
    openNow: "Open",
    /** @param {number} port */
    freeAsk: (port) => `End the process on port ${port}?`,
    freeWhat: "This process is asked to end, and is killed after 5 seconds if it has not. Its lease is released.",
    freeNobody: "Nobody listens on it, so nothing is ended; only the lease is released.",
    freeNow: "End it and release",
    freed: "The process has ended, and the lease is released.",
    confirmRelease: "Release while its server listens? The server keeps running, and the port may be leased to others.",
    releaseNow: "Release all the same",
  },
  layers: {
    listener: "Somebody listens",
    bind: "On the right address",
    lan: "Answers on this network's address",
    rule: "The firewall lets it in",
    mapping: "The router forwards it",
    gateway: "The router answers",
    line: "The line can have it",
    hairpin: "The router leads back",
    outside: "Seen from outside",
  },
  results: { ok: "ok", fail: "fails", unknown: "not known" },
  checkVerdicts: {
    open: "It can be reached.",
    closed: "It cannot be reached.",
    unproven: "Nothing speaks against it, but nobody outside has tried.",
  },
};

/**
 * A number with its thousands apart.
 *
 * @param {number} number
 */
export function count(number) {
  return number.toLocaleString("en");
}
