/* Weights as whole percentages that add up to 100: largest remainder, ties to the earlier row.
   tests/js/shares.json holds what groups/deployments/percentages.py and this file must agree on. */
export function percentages(weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total <= 0) return weights.map(() => 0);
  const exact = weights.map((weight) => (100 * weight) / total);
  const shares = exact.map(Math.floor);
  const rest = 100 - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = exact.map((_, n) => n).sort((a, b) => shares[a] - exact[a] - (shares[b] - exact[b]));
  for (const n of byRemainder.slice(0, rest)) shares[n] += 1;
  return shares;
}
