/** What the picture shows, in the order it shows it. */
export interface Topology {
  readonly loadBalancers: readonly {
    readonly name: string;
    readonly address: string;
    /** Where clients come in, e.g. `127.0.0.1:8080`. */
    readonly listeners: readonly string[];
  }[];
  readonly pools: readonly {
    readonly name: string;
    readonly servers: readonly { readonly name: string; readonly address: string; readonly port: number }[];
  }[];
  /** The stack's own CA, and the names in each of its certificates. @default none */
  readonly authority?: {
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly certificates: readonly (readonly string[])[];
  };
  /** Who reaches the database, through which routers, and the nodes behind them. @default none */
  readonly database?: {
    readonly clients: readonly string[];
    readonly routers: readonly { readonly name: string; readonly address: string; readonly port: number }[];
    readonly nodes: readonly { readonly name: string; readonly address: string }[];
  };
}

/** The stack as a picture of lines of text, for a terminal of any width from 80 columns. */
export function topologyPicture({ loadBalancers, pools, database, authority }: Topology): string {
  const blocks = pools.map(({ name, servers }) => [
    name,
    ...servers.map(({ name: server, address, port }, index) => {
      const corner = index === servers.length - 1 ? "└─" : "├─";
      return `${corner} ${server}  ${address}:${String(port)}`;
    }),
  ]);
  const right = blocks.flatMap((block, index) => {
    const isLast = index === blocks.length - 1;
    return block.map(
      (line, row) => `${row === 0 ? (isLast ? "└─► " : "├─► ") : isLast ? "    " : "│   "}${line}`,
    );
  });
  return [
    ...loadBalancers.map(
      ({ name, address, listeners }) => `client ──► ${listeners.join(", ")} ──► ${name}  ${address}`,
    ),
    ...right.map((line) => `            ${line}`),
    ...databaseLines(database),
    ...authorityLines(authority, loadBalancers),
  ].join("\n");
}

function databaseLines(database: Topology["database"]): readonly string[] {
  if (database === undefined) return [];
  const { clients, routers, nodes } = database;
  return [
    ...routers.map(
      ({ name, address, port }) =>
        `${clients.join(", ")} ──► ${name}  ${address}:${String(port)} ──► the one that takes writes`,
    ),
    ...nodes.map(({ name, address }, index) => {
      const corner = index === nodes.length - 1 ? "└─" : "├─";
      return `            ${corner} ${name}  ${address}`;
    }),
  ];
}

/** Whom it certifies, which is the other way round than requests go. */
function authorityLines(
  authority: Topology["authority"],
  loadBalancers: Topology["loadBalancers"],
): readonly string[] {
  if (authority === undefined) return [];
  const { name, address, port, certificates } = authority;
  const [first] = loadBalancers;
  return [
    `${name}  ${address}:${String(port)} ──► certificates of ${first?.name ?? "nobody"}`,
    ...certificates.map((names, index) => {
      const corner = index === certificates.length - 1 ? "└─" : "├─";
      return `            ${corner} ${names.join(" ")}`;
    }),
  ];
}
