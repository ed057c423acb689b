/** The dashboard for Grafana, as it is in docs/. */
const PATH = new URL("../../../docs/grafana.json", import.meta.url);

/** A panel, as far as tests look at it. */
export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

/** The dashboard. */
export interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

/** Reads the dashboard. */
export async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await Deno.readTextFile(PATH));
}

/** The query of every panel, as Grafana sends it for a job, all of its instances, and this interval of rates. */
export function queriesOf({ panels }: Dashboard, job: string, interval: string): string[] {
  return panels.flatMap(({ targets = [] }) => targets).map(({ expr }) =>
    expr.replaceAll("$job", job).replaceAll("$instance", ".*").replaceAll("$__rate_interval", interval)
  );
}
