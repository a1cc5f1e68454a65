export { AXIS, Chart, UNIT_TICKS } from '@/components/chart';
