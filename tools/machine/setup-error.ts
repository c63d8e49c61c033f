/** Something a person has to look at; printed without a stack trace. */
export class SetupError extends Error {
  /** @param details what programs said, or one line per problem; printed below the message. */
  constructor(message: string, details: readonly string[] = []) {
    super([message, ...details.map((line) => `  ${line}`)].join("\n"));
    this.name = "SetupError";
  }
}
