/**
 * Leaves stack traces as Node makes them. Pulumi's runtime takes one for every resource and promise, and has each mapped
 * to the TypeScript that its own code was made from, which is a quarter of the processor time of a program with nothing
 * to do. This program runs as it was written: its own lines are right without a map.
 */
export function plainStackTraces(): void {
  Reflect.deleteProperty(Error, "prepareStackTrace");
}
