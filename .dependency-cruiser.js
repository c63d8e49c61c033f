/**
 * The arrows of the house: a room may use what is below it, never what is beside or above.
 * @type {import("dependency-cruiser").IConfiguration}
 */
const rooms = ["haproxy", "fleet", "letsencrypt", "postgres"];
const pure = ["config", "templating", "shell"];
const any = (names) => `^src/(${names.join("|")})/`;

export default {
  forbidden: [
    {
      name: "no-cycle",
      comment: "Two files that need each other are one file, or miss a third.",
      severity: "error",
      from: {},
      to: { circular: true, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "nothing-beside",
      comment: "Rooms know nothing of each other; what they share lies below them.",
      severity: "error",
      from: { path: `^src/(${rooms.join("|")})/` },
      to: { path: any(rooms), pathNot: "^src/$1/" },
    },
    {
      name: "rooms-use-what-is-below",
      comment: "A room may use incus, config, templating and shell.",
      severity: "error",
      from: { path: any(rooms) },
      to: { path: "^src/", pathNot: any([...rooms, "incus", ...pure]) },
    },
    {
      name: "incus-uses-what-is-below",
      severity: "error",
      from: { path: "^src/incus/" },
      to: { path: "^src/", pathNot: any(["incus", ...pure]) },
    },
    {
      name: "pure-stays-pure",
      comment:
        "Config, templating and quoting make no resources and use no room; one file asks the engine for config.",
      severity: "error",
      from: { path: any(pure), pathNot: "^src/config/engine\\.ts$" },
      to: { path: "^src/|@pulumi/", pathNot: any(pure) },
    },
    {
      name: "other-stacks-use-what-is-below",
      comment:
        "Another project has this one's building blocks and its outputs; none of its rooms, and nothing of it above.",
      severity: "error",
      from: { path: "^stacks/" },
      to: {
        path: "^(src|tools|lab)/",
        pathNot: `${any(["incus", ...pure])}|^src/(outputs|engine-watch)\\.ts$`,
      },
    },
    {
      name: "nothing-below-uses-other-stacks",
      severity: "error",
      from: { path: "^(src|lab)/" },
      to: { path: "^stacks/" },
    },
    {
      name: "only-incus-knows-command",
      comment: "One room owns how something is said to a host.",
      severity: "error",
      from: { path: "^(src|tools|stacks|lab)/", pathNot: "^src/incus/" },
      to: { path: "@pulumi/command" },
    },
    {
      name: "program-uses-no-operations",
      comment: "The program never needs the commands that look after what it made.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/ops/" },
      to: { path: "^src/ops/" },
    },
    {
      name: "src-uses-no-tools",
      comment: "Only the launcher of Pulumi and the doctor know the toolchain; nothing in src knows tests.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/ops/(pulumi|doctor)(/|\\.)" },
      to: { path: "^tools/" },
    },
    {
      name: "nothing-uses-tests",
      severity: "error",
      from: { pathNot: "^(test|bench)/" },
      to: { path: "^test/" },
    },
    {
      name: "lab-is-alone",
      comment: "Stand-ins are applications of their own.",
      severity: "error",
      from: { path: "^lab/" },
      to: { path: "^(src|tools|test)/" },
    },
    {
      name: "resolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "declared",
      comment:
        "Every package that is used stands in package.json; @jest/globals is jest's own, in its version.",
      severity: "error",
      from: {},
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "undetermined"], pathNot: "/@jest/globals/" },
    },
    {
      name: "program-runs-without-development-packages",
      severity: "error",
      from: { path: "^(src|stacks)/" },
      to: { dependencyTypes: ["npm-dev"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
      extensions: [".ts", ".js", ".json"],
    },
  },
};
