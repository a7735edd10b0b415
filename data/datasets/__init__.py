"""Public eye-tracking data sets, one a file, in the layout that their authors publish."""

READERS = {  # data sets, in the layout that their authors publish
    "table": "data.table.read:read_table",
    "amazon": "data.datasets.amazon_covers:read",
    "cat2000": "data.datasets.cat2000:read",
    "coco_freeview": "data.datasets.coco_freeview:read",
    "coco_search18": "data.datasets.coco_search18:read",
    "crowd": "data.datasets.crowd:read",
    "dhf1k": "data.datasets.dhf1k:read",
    "figrim": "data.datasets.figrim:read",
    "mit1003": "data.datasets.mit1003:read",
    "osie": "data.datasets.osie:read",
    "salicon": "data.datasets.salicon:read",
    "scene": "data.datasets.scene:read",
    "ueyes": "data.datasets.ueyes:read",
}
