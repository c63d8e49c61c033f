"use strict";

/** Stands in for npm's dependency solver. */
exports.Arborist = class Arborist {
  constructor() {
    throw new Error(
      "npm's dependency solver was left out of this project (tools/no-arborist): Pulumi needs it only to upload functions, which nothing here does. To use serialized functions or dynamic providers, remove its entries from package.json",
    );
  }
};
