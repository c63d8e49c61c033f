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
}

/** The stack as a picture of lines of text, for a terminal of any width from 80 columns. */
export function topologyPicture({ loadBalancers, pools }: Topology): string {
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
  const left = loadBalancers.flatMap(({ name, address, listeners }) => [
    `${listeners.join(", ")} ──► ${name}  ${address}`,
  ]);
  return [...left.map((line) => `client ──► ${line}`), ...right.map((line) => `            ${line}`)].join(
    "\n",
  );
}
