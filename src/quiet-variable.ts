/**
 * Environment variable that `bin/pulumi` sets where nobody asked for debug messages (`--debug`, `-v`). By itself, because
 * whoever sets it has no use for the SDK.
 */
export const quietVariable = "VEZA_NO_DEBUG_MESSAGES";
