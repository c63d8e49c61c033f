import { z } from "zod";

/** One line of text: nothing that comes from config can begin a line of its own. */
export const line = z.string().regex(/^[^\r\n\0]*$/);
/** One word of a configuration line; empty where something is absent. */
export const word = z.string().regex(/^[^\s"'\\#\0]*$/);
export const lines = z.array(line);
export const number = z.string().regex(/^\d+$/);
