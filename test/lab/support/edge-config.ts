import type { z } from "zod";
import type { stackSchema } from "../../../src/config/stack.ts";

/** A stack's config as a person writes it. */
export type StackInput = z.input<typeof stackSchema>;
type FleetInput = NonNullable<StackInput["fleets"]>[string];
type FleetEntry = Pick<FleetInput, "pool" | "port" | "healthPath" | "user"> & Partial<FleetInput>;
type LoadBalancerInput = NonNullable<StackInput["loadBalancer"]>;

/** Stacks that are tested at the same time share nothing: `npm test` numbers the lanes in which it runs files. */
export const lane = Number(process.env["VEZA_TEST_LANE"] ?? 0);

export const stackName = `lab-t-${String(lane)}`;

/** A bridge of the tests' own: containers have fixed names, and a bridge has one name space. */
export const bridge = `vezat${String(lane)}`;
/** The first three numbers of its addresses. */
export const subnet = `10.${String(82 + lane)}.0`;
export const gateway = `${subnet}.1/24`;

export const edgeAddress = `${subnet}.10`;
/** Where the edge answers on this machine. */
export const publishedPort = 8580 + lane;
export const publishedHttpsPort = 8680 + lane;
/** Prometheus, where a test has one: on the bridge, and on this machine. */
export const prometheusAddress = `${subnet}.80`;
export const publishedPrometheusPort = 8780 + lane;
export const publicUrl = `http://127.0.0.1:${String(publishedPort)}`;

/** What differs between the edges that tests deploy. */
export interface EdgeChoices {
  /** Ids of backend-api's instances. @default [1, 2] */
  readonly api?: readonly number[];
  /** Ids of stream-server's instances; empty: no such fleet. @default [] */
  readonly stream?: readonly number[];
  /** Folder with the bundled applications. */
  readonly release: string;
  /** Changes to backend-api's entry. */
  readonly apiFleet?: Partial<FleetInput>;
  /** Changes to stream-server's entry. */
  readonly streamFleet?: Partial<FleetInput>;
  readonly loadBalancer?: Partial<LoadBalancerInput>;
  /** Everything else of the stack. */
  readonly rest?: Partial<StackInput>;
}

/** The stand-ins behind one load balancer on this machine, with times that suit a test. */
export function edgeConfig(choices: EdgeChoices): StackInput {
  const { api = [1, 2], stream = [], release } = choices;
  const fleet = (
    app: string,
    ids: readonly number[],
    firstAddress: number,
    entry: FleetEntry,
  ): FleetInput => ({
    drainSeconds: 3,
    healthSeconds: 15,
    artifact: { path: `${release}/${app}.mjs` },
    command: ["/usr/bin/node", `/opt/veza/${app}/current/${app}.mjs`],
    instances: ids.map((id) => ({ id, address: `${subnet}.${String(firstAddress + id)}` })),
    ...entry,
  });
  return {
    hosts: { main: { connection: "local" } },
    network: { bridge, gateway },
    loadBalancer: {
      instances: [{ address: edgeAddress, publish: [{ http: publishedPort }] }],
      slowStartSeconds: 1,
      ...choices.loadBalancer,
    },
    fleets: {
      "backend-api": fleet("backend-api", api, 20, {
        pool: "api_pool",
        port: 8080,
        healthPath: "/api/v1/health",
        user: "veza-api",
        ...choices.apiFleet,
      }),
      ...(stream.length === 0
        ? {}
        : {
            "stream-server": fleet("stream-server", stream, 30, {
              pool: "stream_pool",
              port: 8082,
              healthPath: "/health",
              user: "veza-stream",
              ...choices.streamFleet,
            }),
          }),
    },
    ...choices.rest,
  };
}
