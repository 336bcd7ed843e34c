// Sends one call of each kind with Segment's own library, and fails if one did not get through.
// node send.cjs URL KEY USER PREVIOUS
const { Analytics } = require("@segment/analytics-node");

const [host, writeKey, userId, previousId] = process.argv.slice(2);

async function main() {
  const analytics = new Analytics({ writeKey, host, maxRetries: 1, flushInterval: 100 });
  analytics.on("error", (error) => {
    console.log("error", error);
    process.exitCode = 1;
  });
  analytics.identify({ userId, traits: { email: "dana@globex.example", name: "Dana Reyes" } });
  analytics.track({ userId, event: "Order Completed", properties: { total: 12.5 } });
  const url = "https://shop.example/pricing?coupon=x";
  analytics.page({ userId, category: "Shop", name: "Pricing", properties: { url } });
  const traits = { name: "Globex", website: "https://www.globex.example/" };
  analytics.group({ userId, groupId: "g-1", traits });
  analytics.alias({ userId, previousId });
  await analytics.closeAndFlush();
}

main();
