/* The PDF library's fonts call hypotf, which glibc 2.35 gave a new version, while Lambda's provided.al2023 has glibc 2.34: a
   program that is built on a newer system would not start there. With one of our own it does. Squares of floats are exact in
   a double, so this is right to the last bit but one. */

#include <math.h>

float hypotf(float x, float y)
{
    return (float)sqrt((double)x * x + (double)y * y);
}
