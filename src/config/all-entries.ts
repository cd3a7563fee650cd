// Every file of entries, so that the registry is whole wherever a SparkConf is.
import './context-entries.ts';
import './core-entries.ts';
import './dynamic-allocation-entries.ts';
import './deploy-entries.ts';
import './exclusion-entries.ts';
import './executor-entries.ts';
import './io-entries.ts';
import './logging-entries.ts';
import './memory-entries.ts';
import './network-entries.ts';
import './rest-entries.ts';
import './scheduler-entries.ts';
import './shuffle-entries.ts';
import './slot-entries.ts';
import './speculation-entries.ts';
import './submit-entries.ts';
import './ui-entries.ts';
