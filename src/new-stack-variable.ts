/**
 * Environment variable that `bin/pulumi` sets for an update of a stack that has nothing yet, neither in its state nor on
 * its hosts: nobody is served, so containers need not wait for one another.
 */
export const newStackVariable = "VEZA_NEW_STACK";
