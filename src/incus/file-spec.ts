/** One text file that lands in a container. */
export interface FileSpec {
  /** Absolute path in the container. */
  readonly path: string;
  /** Whole text; ends with a newline. No NUL bytes. */
  readonly content: string;
  /** Octal mode of four digits, e.g. `0644`. */
  readonly mode: string;
  /** `user:group`, both existing in the container when the file is applied. */
  readonly owner: string;
}
