/**
 * Which instances a roll-out changes before which: each one waits for all of the batch before its own. So at most
 * `maxUnavailable` are being changed at a time, and a failure leaves everything after its batch untouched.
 *
 * @param ids in the order of the roll-out
 * @returns for each id, the ids it waits for
 */
export function rolloutChain<Id>(ids: readonly Id[], maxUnavailable: number): ReadonlyMap<Id, readonly Id[]> {
  return new Map(
    ids.map((id, index) => {
      const batch = index - (index % maxUnavailable);
      return [id, ids.slice(Math.max(0, batch - maxUnavailable), batch)];
    }),
  );
}
