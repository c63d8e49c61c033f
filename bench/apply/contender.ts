/** The edge that is asked for. */
export interface Wanted {
  /** Number of instances of backend-api, with ids from 1. */
  readonly api: number;
  /** Number of instances of stream-server. */
  readonly stream: number;
  /** Name of the sticky cookie: the line of haproxy.cfg that is changed, because it is seen from outside. */
  readonly cookie: string;
}

/** Where an edge is. */
export interface Place {
  /** First three numbers of its addresses. */
  readonly subnet: string;
}

/** How much of the edge an update is told to look at. */
export type Reach = "whole" | "limited";

/** A tool that brings an edge to what is asked for. */
export interface Contender {
  readonly name: string;
  readonly place: Place;
  /** What its users may choose; what a limited update has to touch is told to it. */
  readonly reaches: readonly Reach[];
  /** Nothing but the containers is there, each as its image was. */
  begin(wanted: Wanted): Promise<void>;
  /** Makes the container that `wanted` has more. */
  addContainer(wanted: Wanted, name: string): Promise<void>;
  /** Writes down what is wanted, as its user would before running it. */
  ask(wanted: Wanted): Promise<void>;
  /** Runs it. @param touched the containers that a limited run is told */
  apply(reach: Reach, touched: readonly string[]): Promise<void>;
  removeContainer(wanted: Wanted, name: string): Promise<void>;
  /** Looks whether the hosts are what they should be, and changes nothing; absent where applying looks as closely. */
  look?(): Promise<void>;
  /** Removes everything. */
  close(): Promise<void>;
}

export function apiAddress({ subnet }: Place, id: number): string {
  return `${subnet}.${String(20 + id)}`;
}

export function streamAddress({ subnet }: Place, id: number): string {
  return `${subnet}.${String(30 + id)}`;
}

export function edgeAddress({ subnet }: Place): string {
  return `${subnet}.10`;
}

export function ids(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
