/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calendar.c - the Gregorian calendar, for the years in which statements are made.
 *
 * Days are counted year by year and month by month: at most 230 + 12 steps, and nothing to get
 * wrong.
 */
#include "cdb/core/calendar.h"

#include <string.h>

enum { YEAR_FIRST = 1970, YEAR_END = 2200, DAY_S = 86400 };

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_year(int year)
{
    return is_leap(year) ? 366 : 365;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* The digits that stand where the pattern has zeros; -1 if one is none. */
static int read_digits(const char *text, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int64_t seconds_of(int year, int month, int day)
{
    int64_t days = day - 1;

    for (int i = YEAR_FIRST; i < year; i++) {
        days += days_in_year(i);
    }
    for (int i = 1; i < month; i++) {
        days += days_in_month(year, i);
    }
    return days * DAY_S;
}

bool tally_calendar_parse(const char *text, size_t count, struct tally_wall *instant)
{
    int year, month, day, hour, minute, second;
    int64_t second_of_day;

    instant->us = 0;
    if (count != TALLY_CALENDAR_TEXT_BYTES - 1 || text[4] != '-' || text[7] != '-' ||
        text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z') {
        return false;
    }
    year = read_digits(text, 4);
    month = read_digits(text + 5, 2);
    day = read_digits(text + 8, 2);
    hour = read_digits(text + 11, 2);
    minute = read_digits(text + 14, 2);
    second = read_digits(text + 17, 2);
    if (year < YEAR_FIRST || year >= YEAR_END || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 59) {
        return false;
    }
    second_of_day = (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    instant->us = (seconds_of(year, month, day) + second_of_day) * TALLY_US_PER_S;
    return true;
}

static void write_digits(char *text, int64_t value, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        text[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

void tally_calendar_format(struct tally_wall instant, char text[TALLY_CALENDAR_TEXT_BYTES])
{
    int64_t seconds = instant.us / TALLY_US_PER_S;
    int64_t days = seconds / DAY_S;
    int year = YEAR_FIRST;
    int month = 1;

    if (instant.us <= 0 || seconds >= TALLY_CALENDAR_END_S) {
        memcpy(text, "-", 2);
        return;
    }
    for (; days >= days_in_year(year); year++) {
        days -= days_in_year(year);
    }
    for (; days >= days_in_month(year, month); month++) {
        days -= days_in_month(year, month);
    }
    memcpy(text, "0000-00-00T00:00:00Z", TALLY_CALENDAR_TEXT_BYTES);
    write_digits(text, year, 4);
    write_digits(text + 5, month, 2);
    write_digits(text + 8, days + 1, 2);
    write_digits(text + 11, seconds % DAY_S / 3600, 2);
    write_digits(text + 14, seconds % 3600 / 60, 2);
    write_digits(text + 17, seconds % 60, 2);
}
