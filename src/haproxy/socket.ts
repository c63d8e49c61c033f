import { readScript } from "../shell/read-script.ts";

const libraries = new URL("../../templates/usr/local/lib/veza/haproxy.d/", import.meta.url).href;

/**
 * Shell that says something to an HAProxy over its sockets: for the front of a script that is sent into its container,
 * which may have another version of the same.
 */
export function socketScript(): string {
  return readScript(libraries, "socket.sh");
}
