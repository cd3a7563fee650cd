import { rddConformance } from '../conformance/rdd-suite.ts';
import { ArrayContext } from '../kit/array-context.ts';

rddConformance('RDDs over plain arrays', async () => new ArrayContext(), { realEngine: false });
