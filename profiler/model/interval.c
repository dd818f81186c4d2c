/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How sure an estimate is. Sampled blocks arrive as a Poisson process: were they all of
 * weight c, a variance of N c² would come from N blocks, and Garwood's exact interval for a
 * Poisson count, here in Wilson and Hilferty's closed form, says how far off N can be.
 *
 * Blocks have many weights, so each end takes the one that leans its way. Below: the mean
 * weight, variance / value. Above: the largest weight of a block that may have gone unseen,
 * because an interval made of what was seen forgets the small blocks of which none was.
 */
#include <math.h>

#include "model/snapshot.h"

#define Z 1.959963984540054

/* No allocator gives out less for a block: bounds the objects that one sample stands for. */
#define SMALLEST_BLOCK 16.0

/* How far the count may lie below COUNT, of which that many were seen. */
static double below(double count)
{
	double root = count > 0 ? 1 - 1 / (9 * count) - Z / (3 * sqrt(count)) : 0;

	return count - (root > 0 ? count * root * root * root : 0);
}

static double above(double count)
{
	double next = count + 1;
	double root = 1 - 1 / (9 * next) + Z / (3 * sqrt(next));

	return next * root * root * root - count;
}

void cs_interval95(double value, double variance, double mean, double *low, double *high)
{
	double weight = value > 0 && variance > 0 ? variance / value : 0;
	double unseen = mean > 1 && mean > weight ? mean : weight;

	*low = value;
	*high = value;
	if (weight > 0)
		*low = fmax(0, value - weight * below(variance / (weight * weight)));
	if (unseen > 0)
		*high = value + unseen * above(variance / (unseen * unseen));
}

void cs_snapshot_interval95(const struct cs_snapshot *snapshot, enum cs_metric metric, double value,
                            double variance, double *low, double *high)
{
	double unseen = snapshot->sampled ? (double)snapshot->mean_bytes : 0;

	if (cs_metric_info[metric].unit[0] != 'b')
		unseen = fmin(unseen, fmax(1.5, unseen / SMALLEST_BLOCK));
	cs_interval95(value, variance, unseen, low, high);
}
