/** One instance that a drill may stop. */
export interface DrillInstance {
  /** What it calls itself in `X-Instance`. */
  readonly name: string;
  /** Name of its pool and of its server there. */
  readonly pool: string;
  readonly server: string;
}

/** The edge a drill is held on: where it answers, and the two things that are done to it. */
export interface DrillTarget {
  /** Where clients come in, without a path: `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** For an edge with TLS: the name to ask for, and the CA to believe (PEM) where it is not a public one. */
  readonly tls?: { readonly serverName?: string; readonly ca?: string };
  /** HAProxy's read-only statistics as CSV: `http://10.77.0.10:9100/stats;csv`. */
  readonly statsUrl: string;
  readonly instances: readonly DrillInstance[];
  /** Stops the instance's container as a power cut would: `incus stop --force`. */
  killHard(instance: DrillInstance): Promise<void>;
  /** Starts it again. May be called for one that runs, and more than once; must outlive a Ctrl-C. */
  start(instance: DrillInstance): Promise<void>;
}

/** Where the drill tells, line by line, what it does. */
export interface DrillOutput {
  line(text: string): void;
}

/** The drill did not come to its end; the message says why, and in what state things are. */
export class DrillError extends Error {
  override readonly name = "DrillError";
}
