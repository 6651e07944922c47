"""Wraps JPEG files into a PDF, a page each, as a scanner does."""
import struct
import sys

out, *images = sys.argv[1:]
objects = [b"<< /Type /Catalog /Pages 2 0 R >>", None]
kids = []
for image in images:
    data = open(image, "rb").read()
    at = 2
    while True:  # find the frame header for the size
        marker, length = struct.unpack(">HH", data[at:at + 4])
        if 0xFFC0 <= marker <= 0xFFC2:
            height, width, parts = struct.unpack(">HHB", data[at + 5:at + 10])
            break
        at += 2 + length
    space = b"/DeviceGray" if parts == 1 else b"/DeviceRGB"
    n = len(objects) + 1
    kids.append(b"%d 0 R" % n)
    content = b"q 595 0 0 842 0 0 cm /Im Do Q"
    objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /XObject << /Im %d 0 R >> >> /Contents %d 0 R >>" % (n + 1, n + 2))
    objects.append(b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace %s /BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (width, height, space, len(data), data))
    objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
pdf = b"%PDF-1.4\n"
offsets = []
for number, body in enumerate(objects, 1):
    offsets.append(len(pdf))
    pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
start = len(pdf)
pdf += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
pdf += b"".join(b"%010d 00000 n \n" % o for o in offsets)
pdf += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
open(out, "wb").write(pdf)
